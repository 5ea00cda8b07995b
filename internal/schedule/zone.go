package schedule

import (
	_ "embed"
	"strings"
	"time"
	_ "time/tzdata" // the zones of machines that have none

	"github.com/ratchet-runner/ratchet-go"
)

// zoneNames are those of the IANA database, one a line.
//
//go:embed zones.txt
var zoneNames string

// loadZone returns the time zone of that name; UTC for none.
func loadZone(name string) (*time.Location, []ratchet.Detail) {
	// "Local" is the machine's: not the same on all nodes.
	if zone, err := time.LoadLocation(name); err == nil && name != "Local" {
		return zone, nil
	}
	d := ratchet.Detail{
		Pointer: "/timezone", Message: "the time zone is not known", Expected: `an IANA name such as "Europe/Berlin", or "UTC"`, Got: name,
	}
	if near := nearestZone(name); near != "" {
		d.Message += "; did you mean \"" + near + "\"?"
		d.Expected = near
	}
	return nil, []ratchet.Detail{d}
}

// nearestZone finds "Europe/Berlin" also for "berlin" and "Europe/Berln".
func nearestZone(name string) string {
	names := strings.Fields(zoneNames)
	wanted := strings.ToLower(strings.ReplaceAll(strings.TrimSpace(name), " ", "_"))
	cities := make([]string, len(names))
	for i, known := range names {
		city := strings.ToLower(known[strings.LastIndexByte(known, '/')+1:])
		if strings.EqualFold(known, wanted) || city == wanted {
			return known
		}
		cities[i] = city
	}
	if near := ratchet.Nearest(wanted, names); near != "" {
		return near
	}
	if city := ratchet.Nearest(wanted, cities); city != "" {
		return nearestZone(city)
	}
	return ""
}
