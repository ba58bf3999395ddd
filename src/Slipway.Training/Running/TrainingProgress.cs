namespace Slipway.Training.Running;

/// <summary>Tells where a run is: what it prepares, or which step it took.</summary>
/// <param name="Phase">What goes on, such as <c>tokenize</c>, <c>pretrain</c>, <c>sft</c> or <c>evaluate</c>.</param>
/// <param name="Stage">The stage, counted from 0; -1 while preparing.</param>
/// <param name="Step">The steps taken in the stage, or the items prepared.</param>
/// <param name="Steps">The steps of the stage; 0 where unknown.</param>
/// <param name="Loss">The loss of the step, nats a token; null where none was taken.</param>
/// <param name="EvaluationLoss">The latest loss on held-out data, nats a token; null before the first.</param>
/// <param name="LearningRate">The learning rate of the step.</param>
/// <param name="TokensPerSecond">The speed of the latest steps.</param>
/// <param name="Remaining">The time that the rest of the run will take at this speed; null where unknown.</param>
/// <param name="Reward">The mean reward of the step's answers; null where the method has none.</param>
public sealed record TrainingProgress(
    string Phase, int Stage, long Step, long Steps, double? Loss = null, double? EvaluationLoss = null,
    double LearningRate = 0, double TokensPerSecond = 0, TimeSpan? Remaining = null, double? Reward = null);
