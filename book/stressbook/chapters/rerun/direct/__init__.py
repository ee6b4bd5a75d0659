"""The same curve, theirs and ours: GoogLeNet's map on VOC 2007, with a band over test images."""
