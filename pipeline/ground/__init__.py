"""What every stage stands on: errors, files, parameters, plug-ins, seeding, storage, devices. May import none."""
