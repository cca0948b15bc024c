//! Printed metadata of the seeds' platform → flow files, and back (contract qeasy-metadata).
