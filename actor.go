package cardinal

import (
	"log/slog"
	"net/netip"

	"github.com/google/uuid"
)

// The built-in actors: rows of users that a migration inserts. Their ids have the form of a UUIDv7 with the time zero.
var (
	OperatorID  = uuid.MustParse("00000000-0000-7000-8000-000000000001") // the command line
	SystemID    = uuid.MustParse("00000000-0000-7000-8000-000000000002") // Cardinal itself
	AnonymousID = uuid.MustParse("00000000-0000-7000-8000-000000000003") // a caller who is not signed in
)

// IsBuiltIn reports whether an id is that of a built-in actor.
func IsBuiltIn(id uuid.UUID) bool { return TimeOf(id).UnixMilli() == 0 }

// Actor is the user that asks. Only authentication creates one that is not built in.
type Actor struct {
	UserID     uuid.UUID     // row of users
	SessionID  uuid.NullUUID // the session that authenticated it, if any
	APIKeyID   uuid.NullUUID // the API key that authenticated it, if any
	Assurance  int           // of the session; 0 when the password must be changed first
	RequestID  uuid.NullUUID // the request, over HTTP
	ClientFrom Client        // where the request came from
}

// Client is where a request came from. It is personal data: encrypted wherever it is stored.
type Client struct {
	Address   string // IP address, no port
	UserAgent string // as sent, cut to 400 bytes
}

// Prefix returns the range of addresses that limits count as one client: an IPv4 address, or the /48 prefix of an IPv6
// address, because that is what one site can get (RFC 6177). It is "" for an invalid address.
func (c Client) Prefix() string {
	a, err := netip.ParseAddr(c.Address)
	if err != nil {
		return ""
	}
	if a = a.Unmap().WithZone(""); a.Is4() {
		return a.String()
	}
	p, err := a.Prefix(48)
	if err != nil {
		return ""
	}
	return p.String()
}

// LogValue keeps addresses and agents out of logs.
func (Client) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// Operator is a person with the command line. It opens the database itself, so no permission could stop it.
func Operator() Actor { return Actor{UserID: OperatorID, Assurance: 1} }

// System is Cardinal itself, running its jobs.
func System() Actor { return Actor{UserID: SystemID, Assurance: 1} }

// Anonymous is a caller who is not signed in.
func Anonymous(requestID uuid.NullUUID, from Client) Actor {
	return Actor{UserID: AnonymousID, Assurance: 1, RequestID: requestID, ClientFrom: from}
}

// Known reports whether the actor is authenticated, or built in and not anonymous.
func (a Actor) Known() bool { return a.UserID != AnonymousID }
