"""A simulated shop with known ground truth, whose customers speak to the real HTTP API.

What it shows is a simulation and is labelled so; it measures nothing about real people.
"""
