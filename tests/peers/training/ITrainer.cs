namespace TrainingPeers;

/// <summary>Takes the steps of some work, from the same weights each time.</summary>
internal interface ITrainer
{
    string Name { get; }

    TrainerRun Train(TrainingWork work);
}

/// <summary>Holds what a trainer measured.</summary>
/// <param name="Losses">Each step's loss.</param>
/// <param name="TokensPerSecond">Tokens a second behind the first steps.</param>
/// <param name="TokensPerProcessorSecond">The same, of all processors' time together.</param>
/// <param name="Peak">The most bytes that the process held.</param>
internal sealed record TrainerRun(
    IReadOnlyList<double> Losses, double TokensPerSecond, double TokensPerProcessorSecond, long Peak)
{
    /// <summary>Steps that no rate counts: methods are compiled and buffers allocated in them.</summary>
    public const int WarmUp = 3;
}
