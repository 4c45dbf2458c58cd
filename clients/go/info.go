package pagewire

import (
	"time"

	pb "pagewire.dev/client/internal/pagewirev1"
)

// ServerInfo describes a daemon.
type ServerInfo struct {
	// ServerVersion is the daemon's semantic version.
	ServerVersion string
	// Version is ServerVersion.
	//
	// Deprecated: use ServerVersion.
	Version string
	// Features are the supported features; see [Plugin.RequiredFeatures].
	Features []string
	// BaseURLs are the URLs of the pages, including the base path.
	BaseURLs []string
	// Epoch identifies this run of the daemon; see [Position].
	Epoch string
	// StartTime is when this run started, by the daemon's clock.
	StartTime time.Time
	// Limits are the effective limits.
	Limits Limits
	// RefusedFrames counts text frames that were refused, because they were not a JSON object with a type.
	RefusedFrames uint64
	// InjectsClient is whether pages currently get the socket client.
	InjectsClient bool
	// PagesWithClient counts the pages served with the socket client.
	PagesWithClient uint64
	// PagesWithoutClient counts the pages served without it.
	PagesWithoutClient uint64
	// AllowedOrigins are further origins whose pages may connect, besides the daemon's own.
	AllowedOrigins []string
	// WithoutClientReasons explain why pages were served without the client: a sentence for each reason.
	WithoutClientReasons []string
}

// Limits are the limits of a daemon.
type Limits struct {
	// MaxMessageBytes is the largest message to a page.
	MaxMessageBytes uint32
	// MaxBodyBytes is the largest body of a hook's call or result.
	MaxBodyBytes uint32
	// MaxCallTimeout is the longest timeout of a hook's call. 0 = unlimited (--debug).
	MaxCallTimeout time.Duration
	// MaxSocketQueueBytes is the size of a socket's queue; sends to a full queue are DroppedSlow.
	MaxSocketQueueBytes uint32
	// EventLogEntries is the largest number of events in the log. 0 = limited only by EventLogBytes.
	EventLogEntries uint32
	// EventLogBytes is the size of the event log; the oldest events are evicted first.
	EventLogBytes uint64
}

// PluginInfo describes a plugin that is configured, connected, or both.
type PluginInfo struct {
	// PluginName identifies it in the configuration, in the plugin order and in the logs.
	PluginName string
	// PluginVersion is the version it reported. Empty = none, or it is not connected.
	PluginVersion string
	// Name is PluginName.
	//
	// Deprecated: use PluginName.
	Name string
	// Version is PluginVersion.
	//
	// Deprecated: use PluginVersion.
	Version string
	// State is its state.
	State PluginState
	// Hooks are the declared hooks: serve, transform, resolve_import, subscribe_messages.
	Hooks []string
	// ServeOrderIndex is its position in the serve order, from 0; meaningful if Hooks has serve.
	ServeOrderIndex int
	// PID is its process id, if the daemon spawned it. Otherwise 0.
	PID int
	// Restarts counts how often the daemon restarted it after an exit.
	Restarts int
	// Calls counts the calls of its hooks.
	Calls uint64
	// Passes counts the calls that it skipped.
	Passes uint64
	// Failures counts the calls that failed.
	Failures uint64
	// Timeouts counts the calls whose deadline passed.
	Timeouts uint64
	// LateResults counts results that arrived too late and were ignored.
	LateResults uint64
	// CallLatencyP99 is the 99th percentile of the call latency, including the time in the queue. 0 = no calls.
	CallLatencyP99 time.Duration
}

// PluginState is the state of a plugin.
type PluginState string

// The states of a plugin.
const (
	// PluginWaiting: it is configured but not connected.
	PluginWaiting PluginState = "waiting"
	// PluginStarting: not all of its hooks are open.
	PluginStarting PluginState = "starting"
	// PluginReady: all of its hooks are open.
	PluginReady PluginState = "ready"
	// PluginFailed: it exited five times within three minutes and is not restarted.
	PluginFailed PluginState = "failed"
)

func serverInfoFrom(info *pb.GetServerInfoResponse) *ServerInfo {
	limits := info.GetLimits()
	return &ServerInfo{
		ServerVersion: info.GetServerVersion(),
		Version:       info.GetServerVersion(),
		Features:      info.GetFeatures(),
		BaseURLs:      info.GetBaseUrls(),
		Epoch:         info.GetEpoch(),
		StartTime:     timeFrom(info.GetStartTime()),
		Limits: Limits{
			MaxMessageBytes:     limits.GetMaxMessageBytes(),
			MaxBodyBytes:        limits.GetMaxBodyBytes(),
			MaxCallTimeout:      limits.GetMaxCallTimeout().AsDuration(),
			MaxSocketQueueBytes: limits.GetMaxSocketQueueBytes(),
			EventLogEntries:     limits.GetEventLogEntries(),
			EventLogBytes:       limits.GetEventLogBytes(),
		},
		RefusedFrames:      info.GetRefusedFrames(),
		InjectsClient:      info.GetInjectsClient(),
		PagesWithClient:    info.GetPagesWithClient(),
		PagesWithoutClient: info.GetPagesWithoutClient(),
		AllowedOrigins:     info.GetAllowedOrigins(),

		WithoutClientReasons: info.GetWithoutClientReasons(),
	}
}

func pluginInfoFrom(plugin *pb.Plugin) PluginInfo {
	var hooks []string
	for _, hook := range plugin.GetHooks() {
		hooks = append(hooks, enumName(hook, "HOOK_"))
	}
	return PluginInfo{
		PluginName:      plugin.GetPluginName(),
		PluginVersion:   plugin.GetPluginVersion(),
		Name:            plugin.GetPluginName(),
		Version:         plugin.GetPluginVersion(),
		State:           PluginState(enumName(plugin.GetState(), "STATE_")),
		Hooks:           hooks,
		ServeOrderIndex: int(plugin.GetServeOrderIndex()),
		PID:             int(plugin.GetPid()),
		Restarts:        int(plugin.GetRestarts()),
		Calls:           plugin.GetCalls(),
		Passes:          plugin.GetPasses(),
		Failures:        plugin.GetFailures(),
		Timeouts:        plugin.GetTimeouts(),
		LateResults:     plugin.GetLateResults(),
		CallLatencyP99:  plugin.GetCallLatencyP99().AsDuration(),
	}
}
