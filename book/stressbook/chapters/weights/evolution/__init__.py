"""Evolution: offspring of networks that were trained under the stress of what they are to lose."""
