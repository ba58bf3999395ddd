namespace Slipway.Training.Recipes;

/// <summary>Says how a stage answers its own prompts and what its answers are worth (GRPO: Shao and others,
/// 2024).</summary>
public sealed record RolloutRecipe
{
    /// <summary>The number of answers to a prompt, which are compared with each other.</summary>
    /// <value>8</value>
    public int GroupSize { get; init; } = 8;

    /// <summary>The most tokens of an answer.</summary>
    /// <value>200</value>
    public int MaxAnswerTokens { get; init; } = 200;

    /// <summary>The divisor of the logits, when answers are drawn and when they are learned.</summary>
    /// <value>1</value>
    public double Temperature { get; init; } = 1;

    /// <summary>β: how strongly the policy is held to the model that the run starts from.</summary>
    /// <value>0: not at all, and that model is not loaded.</value>
    public double Beta { get; init; }

    /// <summary>The rewards, which are added; at least one.</summary>
    public required IReadOnlyList<RewardRecipe> Rewards { get; init; }
}

/// <summary>Names a reward.</summary>
/// <param name="Kind">The name in the table of rewards, such as <c>tool_calls</c>.</param>
/// <param name="Weight">What it is multiplied by.</param>
/// <param name="File">The full path of the file that it reads, such as a JSON schema; null for none.</param>
public sealed record RewardRecipe(string Kind, double Weight = 1, string? File = null);
