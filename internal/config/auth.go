package config

// Auth says who is let in.
type Auth struct {
	RequireKeys    bool
	InsecureNoAuth bool
}

func (a *Auth) settings() []setting {
	return []setting{
		toggle(&a.RequireKeys, "require_keys", false, "Whether API keys are required over the loopback interface too. Elsewhere they always are."),
		toggle(&a.InsecureNoAuth, "insecure_no_auth", false, "Listen on any address without keys: whoever reaches the port may run code here. Only for networks in which everyone is trusted."),
	}
}
