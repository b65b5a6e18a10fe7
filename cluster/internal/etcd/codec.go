package etcd

import "encoding/json"

// JSON is the codec that package manager uses by default.
type JSON struct{}

func (JSON) Name() string                       { return "json" }
func (JSON) Marshal(v any) ([]byte, error)      { return json.Marshal(v) }
func (JSON) Unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }
