-- Run once, when the data directory is made. A sink keeps its state tables in a schema of its own beside the target's,
-- and creates it itself, so its user may do everything in schemas whose names begin with `weir`.
GRANT ALL PRIVILEGES ON `weir%`.* TO 'weir'@'%';
FLUSH PRIVILEGES;
