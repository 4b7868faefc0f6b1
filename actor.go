package cardinal

import (
	"log/slog"

	"github.com/google/uuid"
)

// The built-in actors: rows of users that a migration puts there. Their ids are v7-shaped with time zero.
var (
	OperatorID  = uuid.MustParse("00000000-0000-7000-8000-000000000001") // the command line
	SystemID    = uuid.MustParse("00000000-0000-7000-8000-000000000002") // Cardinal itself
	AnonymousID = uuid.MustParse("00000000-0000-7000-8000-000000000003") // a caller who is not signed in
)

// IsBuiltIn reports whether an id is that of a built-in actor.
func IsBuiltIn(id uuid.UUID) bool { return TimeOf(id).UnixMilli() == 0 }

// Actor is who is asking. Only authentication makes one that is not built in.
type Actor struct {
	UserID     uuid.UUID     // row of users
	SessionID  uuid.NullUUID // the session it came in with, if any
	APIKeyID   uuid.NullUUID // the API key it came in with, if any
	Assurance  int           // of the session: 0 must change the password first
	RequestID  uuid.NullUUID // the request, when it came over HTTP
	ClientFrom Client        // where the request came from
}

// Client is where a request came from: personal data, sealed wherever it is kept.
type Client struct {
	Address   string // IP address, no port
	UserAgent string // as sent, cut to 400 bytes
}

// LogValue keeps addresses and agents out of logs.
func (Client) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// Operator is whoever has the shell: it opens the database itself and stands above permissions by what it can do
// anyway.
func Operator() Actor { return Actor{UserID: OperatorID, Assurance: 1} }

// System is Cardinal itself, doing scheduled work.
func System() Actor { return Actor{UserID: SystemID, Assurance: 1} }

// Anonymous is a caller who is not signed in.
func Anonymous(requestID uuid.NullUUID, from Client) Actor {
	return Actor{UserID: AnonymousID, Assurance: 1, RequestID: requestID, ClientFrom: from}
}

// Known reports whether the actor is somebody in particular.
func (a Actor) Known() bool { return a.UserID != AnonymousID }
