"""Where numbers get their titles: links between the rooms' things, as far as a viewer may know of both ends."""
