"""Own data: how near the half of VOC 2007 that can be had comes to the paper's own data?"""
