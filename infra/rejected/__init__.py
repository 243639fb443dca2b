"""Looking at what a pipeline has rejected, and sending it again once, when what was wrong is mended."""
