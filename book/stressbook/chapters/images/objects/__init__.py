"""What is a network sure of, when an object is smaller, elsewhere or turned?"""
