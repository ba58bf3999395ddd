using Microsoft.Extensions.AI;
using Slipway.Chat;
using Slipway.Evaluation.ToolCalls;
using Slipway.Rollouts.Rewards;
using Slipway.Training.Data;
using Slipway.Training.Recipes;
using Slipway.Training.Rollouts;

namespace Slipway.Rollouts;

/// <summary>Asks for answers to one prompt. Safe for concurrent use.</summary>
internal sealed class RolloutRequest
{
    private readonly IChatClient _client;
    private readonly Conversation _conversation;
    private readonly RolloutRecipe _recipe;
    private readonly ToolCallCase _case;

    public RolloutRequest(IChatClient client, IChatModel model, Conversation conversation, RolloutRecipe recipe)
    {
        (_client, _conversation, _recipe) = (client, conversation, recipe);
        _case = ToolCallCase.FromConversation("", conversation.Messages, conversation.Tools);
        PromptIds = ChatPromptBuilder.Build(
            model, _case.Messages, Options(0), Request, "rollouts", TimeProvider.System,
            CancellationToken.None).Request.PromptIds;
    }

    /// <summary>The prompt's tokens.</summary>
    public IReadOnlyList<int> PromptIds { get; }

    private static OnnxChatRequestOptions Request => new() { LogProbabilities = 0, GuideToolCalls = false };

    /// <summary>Draws an answer and rewards it.</summary>
    public async Task<Rollout> AnswerAsync(
        IReadOnlyList<(IReward Reward, double Weight)> judges, long seed, CancellationToken cancellationToken)
    {
        var response = await _client.GetResponseAsync(_case.Messages, Options(seed), cancellationToken)
            .ConfigureAwait(false);
        var tokens = (IReadOnlyList<GeneratedToken>)response.Messages[^1].AdditionalProperties!["logprobs"]!;
        var reward = 0.0;
        foreach (var (judge, weight) in judges)
        {
            reward += weight * await judge.ScoreAsync(_conversation, response, cancellationToken)
                .ConfigureAwait(false);
        }

        return new Rollout(
            [.. tokens.Select(token => token.Id)], reward, response.FinishReason != ChatFinishReason.Length,
            string.Concat(tokens.Select(token => token.Text)));
    }

    private ChatOptions Options(long seed) => new()
    {
        Temperature = (float)_recipe.Temperature,
        TopP = 1,
        TopK = null,
        MaxOutputTokens = _recipe.MaxAnswerTokens,
        Seed = seed,
        Tools = _case.Tools.Count == 0 ? null : [.. _case.Tools],
        RawRepresentationFactory = _ => Request,
    };
}
