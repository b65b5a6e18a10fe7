//go:build threadingdebug

package lock

import _ "github.com/gothreading/threading/diagnose" // prints what package watch finds
