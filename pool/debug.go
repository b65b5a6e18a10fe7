//go:build threadingdebug

package pool

import _ "github.com/gothreading/threading/diagnose" // prints what package watch finds
