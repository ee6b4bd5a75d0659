"""The supplement's other layers."""
