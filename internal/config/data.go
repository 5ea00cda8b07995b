package config

// Data says where the server keeps files.
type Data struct {
	Dir string
}

func (d *Data) settings() []setting {
	return []setting{
		text(&d.Dir, "dir", ".", "The folder of the database, the key file and temporary files, for paths that are relative. Relative itself, it counts from the working directory."),
	}
}
