"""The export job. (Being written.)"""
