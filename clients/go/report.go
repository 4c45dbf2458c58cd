package pagewire

import pb "pagewire.dev/client/internal/pagewirev1"

// A Report is the delivery report of a send: the sockets counted by Reached and those in Unreached are together
// exactly the selected ones.
type Report struct {
	// Reached is the number of reached sockets. 0 without rows: no socket was selected.
	Reached int
	// Unreached has one row for each selected socket that was not reached, in no particular order.
	Unreached []Unreached
	// ReachedSocketIDs are the reached sockets, if requested with [ListReached].
	ReachedSocketIDs []string
	// Position is the position in the event log at the selection: events that the send causes come after it.
	Position Position
}

// Selected returns the number of selected sockets.
func (r *Report) Selected() int { return r.Reached + len(r.Unreached) }

// Unreached is a socket that was selected and not reached.
type Unreached struct {
	// SocketID is the socket id, or the unknown id from the target.
	SocketID string
	// Status is the reason.
	Status DeliveryStatus
}

// DeliveryStatus is why a socket was not reached, or did not respond.
type DeliveryStatus string

// The reasons why a socket was not reached.
const (
	// NotFound: no connected socket has this id.
	NotFound DeliveryStatus = "not_found"
	// Gone: it closed after the selection. The message may have arrived.
	Gone DeliveryStatus = "gone"
	// DroppedSlow: its queue was full; the message was not queued.
	DroppedSlow DeliveryStatus = "dropped_slow"
	// TimedOut: the confirmation or the result was not received in time, but may still arrive.
	TimedOut DeliveryStatus = "timed_out"
	// Unsupported: its page's script is too old, or never sent its hello.
	Unsupported DeliveryStatus = "unsupported"
)

// Text returns a description for people.
func (s DeliveryStatus) Text() string {
	switch s {
	case NotFound:
		return "no such socket"
	case Gone:
		return "closed in the meantime"
	case DroppedSlow:
		return "its queue is full"
	case TimedOut:
		return "no response in time"
	case Unsupported:
		return "its page does not support this"
	}
	return "not delivered"
}

func statusFrom(status pb.DeliveryStatus) DeliveryStatus {
	return DeliveryStatus(enumName(status, "DELIVERY_STATUS_"))
}

func reportFrom(report *pb.DeliveryReport) (*Report, error) {
	if report == nil {
		return nil, unexpected("a response without a report")
	}
	converted := &Report{
		Reached:          int(report.GetReached()),
		ReachedSocketIDs: report.GetReachedSocketIds(),
		Position:         positionFrom(report.GetPosition()),
	}
	for _, row := range report.GetUnreached() {
		converted.Unreached = append(converted.Unreached, Unreached{row.GetSocketId(), statusFrom(row.GetStatus())})
	}
	return converted, nil
}
