package storetest

import "testing"

// runNouns runs the tests of everything but jobs' lives.
func runNouns(t *testing.T, fresh func(testing.TB) string) {
	t.Helper()
	runDeliveries(t, fresh)
	for name, test := range map[string]func(*testing.T, func(testing.TB) string){
		"task is kept as it came":                  testTaskIsKeptAsItCame,
		"the same content is the same version":     testTheSameContentIsTheSameVersion,
		"content may replace another":              testContentMayReplaceAnother,
		"versions are found by what names them":    testVersionsAreFoundByWhatNamesThem,
		"names of tasks lead to one task":          testNamesOfTasksLeadToOneTask,
		"text that cannot be kept is refused":      testTextThatCannotBeKeptIsRefused,
		"task is changed":                          testTaskIsChanged,
		"task with unfinished jobs is not deleted": testTaskWithUnfinishedJobsIsNotDeleted,
		"task is registered by many at once":       testTheSameTaskIsRegisteredManyTimesAtOnce,
		"environment":                              testEnvironment,
		"schedule is kept as it came":              testScheduleIsKeptAsItCame,
		"schedule is updated by one at a time":     testScheduleIsUpdatedByOneAtATime,
		"schedule fires":                           testScheduleFires,
		"update does not bring an instant back":    testUpdateDoesNotBringAnInstantBack,
		"one of many fires an instant":             testOneOfManyFiresAnInstant,
		"firing is all or nothing":                 testFiringIsAllOrNothing,
		"keys":                                     testKeys,
		"plugin is set by one at a time":           testPluginIsSetByOneAtATime,
		"nodes beat":                               testNodesBeat,
		"stats":                                    testStats,
		"sweep":                                    testSweep,
		"sweep goes by the end":                    testSweepGoesByTheEnd,
		"healthy database has no findings":         testHealthyDatabaseHasNoFindings,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, fresh)
		})
	}
}
