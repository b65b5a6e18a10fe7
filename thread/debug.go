//go:build threadingdebug

package thread

import _ "github.com/gothreading/threading/diagnose" // prints what package watch finds
