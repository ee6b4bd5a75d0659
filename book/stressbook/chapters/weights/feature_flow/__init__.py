"""Feature flow: does a network whose features move short and straight from layer to layer need fewer filters?"""
