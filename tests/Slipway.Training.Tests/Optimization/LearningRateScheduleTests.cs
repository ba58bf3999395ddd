namespace Slipway.Training.Optimization;

public sealed class LearningRateScheduleTests
{
    [Theory]
    [InlineData(ScheduleKind.Cosine, 10, 0.55)]
    [InlineData(ScheduleKind.Cosine, 16, 0.1)]
    [InlineData(ScheduleKind.Linear, 7, 0.775)]
    [InlineData(ScheduleKind.Linear, 16, 0.1)]
    [InlineData(ScheduleKind.Constant, 15, 1)]
    [InlineData(ScheduleKind.WarmupStableDecay, 12, 1)]
    [InlineData(ScheduleKind.WarmupStableDecay, 14, 0.55)]
    [InlineData(ScheduleKind.WarmupStableDecay, 16, 0.1)]
    public void At_BehindTheWarmup_FollowsTheCourse(ScheduleKind kind, long step, double expected) => Assert.Equal(
        expected, new LearningRateSchedule(1, 16, 4, 0.1, kind, 4).At(step), 1e-12);

    [Theory]
    [InlineData(ScheduleKind.Cosine)]
    [InlineData(ScheduleKind.Linear)]
    [InlineData(ScheduleKind.Constant)]
    [InlineData(ScheduleKind.WarmupStableDecay)]
    public void At_WithinTheWarmup_RisesFromZero(ScheduleKind kind)
    {
        var schedule = new LearningRateSchedule(2, 16, 4, 0.1, kind, 4);
        Assert.Equal([0, 0.5, 1, 1.5, 2], Enumerable.Range(0, 5).Select(step => schedule.At(step)));
    }
}
