"""caiso-ads: the gateway between California ISO's Automated Dispatch System and a power plant.

The package root holds the version only; start reading at ``gateway.py``, or at ``core/points.py`` as an engineer.
"""

__version__ = "0.1.0"
