package pagewire

import pb "pagewire.dev/client/internal/pagewirev1"

// A Report is what became of a send. The number reached and the rows of Unreached are together exactly the
// sockets that were selected.
type Report struct {
	// Reached is how many sockets were reached. 0 without rows: nobody was selected.
	Reached int
	// Unreached has one row for each selected socket that was not reached, in no particular order.
	Unreached []Unreached
	// ReachedSocketIDs are the sockets that were reached, if [ListReached] asks for them.
	ReachedSocketIDs []string
	// Position is the place in the event log at selection: what the send causes comes after it.
	Position Position
}

// Selected is how many sockets were selected.
func (r *Report) Selected() int { return r.Reached + len(r.Unreached) }

// Unreached is a socket that was selected and not reached.
type Unreached struct {
	// SocketID is the socket, or the id that was asked for.
	SocketID string
	// Status says why.
	Status DeliveryStatus
}

// DeliveryStatus says why a socket was not reached, or did not answer.
type DeliveryStatus string

// Why a socket can have not been reached.
const (
	// NotFound: no connected socket has this id.
	NotFound DeliveryStatus = "not_found"
	// Gone: it closed after it was selected. The message may have arrived.
	Gone DeliveryStatus = "gone"
	// DroppedSlow: its queue was full, and nothing was put into it.
	DroppedSlow DeliveryStatus = "dropped_slow"
	// TimedOut: the confirmation or the answer did not come in time, and may still.
	TimedOut DeliveryStatus = "timed_out"
	// Unsupported: its page's script is too old, or never said hello.
	Unsupported DeliveryStatus = "unsupported"
)

// Text says the status in words.
func (s DeliveryStatus) Text() string {
	switch s {
	case NotFound:
		return "no such socket"
	case Gone:
		return "closed meanwhile"
	case DroppedSlow:
		return "its queue is full"
	case TimedOut:
		return "no answer in time"
	case Unsupported:
		return "its page does not support this"
	}
	return "not delivered"
}

func statusFrom(status pb.DeliveryStatus) DeliveryStatus {
	return DeliveryStatus(word(status, "DELIVERY_STATUS_"))
}

func reportFrom(report *pb.DeliveryReport) (*Report, error) {
	if report == nil {
		return nil, unexpected("a response without a report")
	}
	made := &Report{
		Reached:          int(report.GetReached()),
		ReachedSocketIDs: report.GetReachedSocketIds(),
		Position:         positionFrom(report.GetPosition()),
	}
	for _, row := range report.GetUnreached() {
		made.Unreached = append(made.Unreached, Unreached{row.GetSocketId(), statusFrom(row.GetStatus())})
	}
	return made, nil
}
