namespace Slipway.Rollouts.Constitution;

/// <summary>Says how answers are criticized and revised.</summary>
public sealed record ConstitutionalOptions
{
    /// <summary>The number of revisions of an answer, each by another rule where there are as many.</summary>
    /// <value>1</value>
    public int Rounds { get; init; } = 1;

    /// <summary>The most tokens of an answer, a critique or a revision.</summary>
    /// <value>400</value>
    public int MaxOutputTokens { get; init; } = 400;

    /// <summary>The temperature of all of them.</summary>
    /// <value>0: the most probable text.</value>
    public float Temperature { get; init; }

    /// <summary>The number of prompts that are worked on at the same time.</summary>
    /// <value>4</value>
    public int Concurrency { get; init; } = 4;

    /// <summary>The source of rules and of draws.</summary>
    public long Seed { get; init; }
}
