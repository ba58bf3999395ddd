namespace Slipway.Training.Running;

/// <summary>Sums up a finished run.</summary>
/// <param name="Checkpoint">The folder that holds the trained model.</param>
/// <param name="Parameters">The number of weights.</param>
/// <param name="Steps">The steps of all stages.</param>
/// <param name="Tokens">The tokens that all stages went through.</param>
/// <param name="Seconds">How long this call took; a resumed run counts from the resumption.</param>
/// <param name="TokensPerSecond">The tokens of this call's steps by their time, without evaluation and saving.</param>
/// <param name="Stages">The losses of each stage.</param>
public sealed record TrainingReport(
    string Checkpoint, long Parameters, long Steps, long Tokens, double Seconds, double TokensPerSecond,
    IReadOnlyList<StageReport> Stages)
{
    /// <summary>The most bytes that the process has held.</summary>
    public long PeakMemoryBytes { get; init; }
}

/// <summary>Sums up a stage.</summary>
/// <param name="Kind">The method, as recipes name it.</param>
/// <param name="Steps">The number of steps.</param>
/// <param name="Loss">The mean loss of the last steps, at most 50, nats a token.</param>
/// <param name="EvaluationLoss">The last loss on held-out data; null where there is none.</param>
/// <param name="Cut">The number of training examples that were cut to the stage's length.</param>
/// <param name="LeftOut">The number of training examples that were not used: nothing is to be learned of them, or a
/// pair's answer is longer than the stage allows.</param>
/// <param name="Reward">The mean reward of the last steps, at most 50; null where the method has none.</param>
/// <param name="Scores">What the last evaluation counted besides, by name: <c>accuracy</c>, from 0 to 1, and
/// <c>macro_f1</c> or <c>span_f1</c>; null where the method has none.</param>
public sealed record StageReport(
    string Kind, long Steps, double? Loss, double? EvaluationLoss, int Cut = 0, int LeftOut = 0,
    double? Reward = null, IReadOnlyDictionary<string, double>? Scores = null);
