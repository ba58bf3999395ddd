using Slipway.Evaluation.CodeExecution;
using Slipway.Training.Recipes;

namespace Slipway.Rollouts.Rewards;

/// <summary>Lists the rewards that recipes name.</summary>
internal static class RewardKinds
{
    public static IReadOnlyDictionary<string, Func<RewardRecipe, IReward>> All { get; } =
        new Dictionary<string, Func<RewardRecipe, IReward>>(StringComparer.Ordinal)
        {
            ["tool_calls"] = _ => new ToolCallReward(),
            ["json_schema"] = recipe => new JsonSchemaReward(recipe.File ?? throw new ArgumentException(
                "The reward 'json_schema' has no 'file'. Name a file with the schema.")),
            ["csharp_tests"] = _ => new ProgramReward("csharp", new ProgramRunner()),
            ["python_tests"] = _ => new ProgramReward("python", new ProgramRunner()),
        };
}
