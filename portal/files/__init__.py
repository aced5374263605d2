"""Files: their bytes by content in a store outside the database, what they are found to be, and who may have them.

Nothing is imported here: the process that draws previews starts from this package and shall stay small.
"""
