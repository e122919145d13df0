"""Papers: searched in many places at once, judged, merged, and kept in the workspace's library."""
