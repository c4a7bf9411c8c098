"""What a maintainer runs, `python -m alexnet_helpers.maintain`: notebooks, slides, minutes, records, pictures, site.

Nothing that a reader meets imports it.
"""
