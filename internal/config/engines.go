package config

// Engines says where the engines are that are not part of Ratchet itself.
type Engines struct {
	Dir      string
	Registry string
	Node     NodeEngine
}

// A NodeEngine says which Node runs the tasks of the engine "node".
type NodeEngine struct{ Path string }

func (e *Engines) settings() []setting {
	return []setting{
		text(&e.Dir, "dir", "", "The folder that ratchet engine install puts engines into. Empty: engines in data.dir if that is configured, else a folder of the user's own (ratchet engine list shows it)."),
		text(&e.Node.Path, "node.path", "", "The binary of the Node, 22 or newer, that runs tasks of the engine node. Empty: the newest that ratchet engine install has put into engines.dir, else the one in PATH."),
		text(&e.Registry, "registry", "", "The npm registry that ratchet engine install fetches Node from, a URL. Empty: the one that npm is configured to use."),
	}
}
