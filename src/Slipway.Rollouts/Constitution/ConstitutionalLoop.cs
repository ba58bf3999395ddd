using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using Slipway.Evaluation.ToolCalls;
using Slipway.Training.Data;
using Slipway.Training.Models;

namespace Slipway.Rollouts.Constitution;

/// <summary>Makes preference pairs by rules: a model answers, a critic criticizes and revises, and the revision is
/// preferred (Bai and others, 2022).</summary>
/// <remarks>
/// The critic is any chat client, the model itself too. It is shown the conversation and the answer in one message, is
/// asked for a critique by a rule's words, and then, behind its critique, for a revision. Thread-safe if the clients
/// are.
/// </remarks>
/// <param name="model">Answers; the caller keeps it.</param>
/// <param name="critic">Criticizes and revises; the caller keeps it.</param>
/// <param name="rules">The rules; at least one.</param>
/// <param name="options">How; null for the defaults.</param>
public sealed class ConstitutionalLoop(
    IChatClient model, IChatClient critic, IReadOnlyList<ConstitutionRule> rules, ConstitutionalOptions? options = null)
{
    private readonly IChatClient _model = model ?? throw new ArgumentNullException(nameof(model));
    private readonly IChatClient _critic = critic ?? throw new ArgumentNullException(nameof(critic));
    private readonly ConstitutionalOptions _options = options ?? new();
    private readonly IReadOnlyList<ConstitutionRule> _rules = rules is { Count: > 0 } ? rules : throw new
        ArgumentException("There are no rules; expected at least one.", nameof(rules));

    /// <summary>Answers a conversation and revises the answer.</summary>
    /// <param name="messages">The conversation; its last message asks.</param>
    /// <param name="seed">Chooses the rules and seeds what is drawn.</param>
    /// <param name="cancellationToken">Stops between two words.</param>
    public async Task<ConstitutionalAnswer> ReviseAsync(
        IReadOnlyList<ChatMessage> messages, long seed, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var first = await AskAsync(_model, messages, seed, cancellationToken).ConfigureAwait(false);
        var (answer, steps) = (first, new List<ConstitutionalStep>());
        for (var round = 0; round < _options.Rounds; round++)
        {
            var rule = _rules[(int)(unchecked((ulong)seed + (ulong)round) % (ulong)_rules.Count)];
            List<ChatMessage> talk = [new(ChatRole.User, $"{Transcript(messages, answer)}\n{rule.Critique}")];
            var critique = await AskAsync(_critic, talk, seed, cancellationToken).ConfigureAwait(false);
            talk.Add(new(ChatRole.Assistant, critique));
            talk.Add(new(ChatRole.User, rule.Revision));
            var revision = await AskAsync(_critic, talk, seed, cancellationToken).ConfigureAwait(false);
            steps.Add(new ConstitutionalStep(rule, critique, revision));
            answer = revision.Length > 0 ? revision : answer;
        }

        return new ConstitutionalAnswer(first, answer, steps);
    }

    /// <summary>Revises the answers to a file of conversations and writes those that changed as preferences.</summary>
    /// <param name="prompts">
    /// JSON Lines of <c>{"messages": […]}</c>; an answer of the assistant at their end is left out.
    /// </param>
    /// <param name="path">
    /// The file to write, lines that recipes take as <c>data.preferences</c>; it appears whole at the end.
    /// </param>
    /// <param name="progress">Told of the number of prompts done.</param>
    /// <param name="cancellationToken">Stops; nothing is written then.</param>
    /// <returns>The number of pairs.</returns>
    /// <exception cref="Training.Running.TrainingException">A line is no prompt; the message names it.</exception>
    public async Task<int> WritePairsAsync(
        string prompts, string path, IProgress<int>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var lines = JsonLines.Read(prompts, "prompts").Select(Prompt).ToArray();
        var (pairs, done) = (new string?[lines.Length], 0);
        var parallel = new ParallelOptions
        {
            MaxDegreeOfParallelism = _options.Concurrency, CancellationToken = cancellationToken,
        };
        await Parallel.ForAsync(0, lines.Length, parallel, async (index, token) =>
        {
            var (prompt, messages) = lines[index];
            var answer = await ReviseAsync(messages, unchecked(_options.Seed + index), token).ConfigureAwait(false);
            if (answer.First.Length > 0 && answer.Revised != answer.First)
            {
                pairs[index] = PreferenceFile.Line(
                    new(prompt, Said(answer.Revised), Said(answer.First), null));
            }

            progress?.Report(Interlocked.Increment(ref done));
        }).ConfigureAwait(false);
        var kept = pairs.OfType<string>().ToArray();
        AtomicFile.Write(path, Encoding.UTF8.GetBytes(string.Concat(kept.Select(pair => pair + "\n"))));
        return kept.Length;
    }

    private static JsonArray Said(string text) => [new JsonObject { ["role"] = "assistant", ["content"] = text }];

    private static (JsonArray Prompt, IReadOnlyList<ChatMessage> Messages) Prompt(JsonLine line)
    {
        var messages = line.Messages("messages") ?? throw new Training.Running.TrainingException(
            $"{line.Place} holds no list 'messages' of objects with a 'role'. Write each prompt as "
            + "{\"messages\": [{\"role\": \"user\", \"content\": \"…\"}]} on a line of its own.");
        if ((string?)messages[^1]!["role"] == "assistant")
        {
            messages.RemoveAt(messages.Count - 1);
        }

        JsonArray whole = [.. messages.Concat(Said("-")).Select(message => message!.DeepClone())];
        RoleOrder.Check(line, [.. whole]);
        return (messages, ToolCallCase.FromConversation("", whole, null).Messages);
    }

    private static string Transcript(IReadOnlyList<ChatMessage> messages, string answer)
    {
        var text = new StringBuilder();
        foreach (var message in messages)
        {
            text.Append(message.Role.Value).Append(": ").Append(message.Text).Append('\n');
        }

        return text.Append("assistant: ").Append(answer).Append('\n').ToString();
    }

    private async Task<string> AskAsync(
        IChatClient client, IReadOnlyList<ChatMessage> messages, long seed, CancellationToken cancellationToken)
    {
        var response = await client.GetResponseAsync(messages, new ChatOptions
        {
            Temperature = _options.Temperature, MaxOutputTokens = _options.MaxOutputTokens, Seed = seed,
        }, cancellationToken).ConfigureAwait(false);
        return response.Text.Trim();
    }
}

/// <summary>Holds an answer and its revision.</summary>
/// <param name="First">The model's own.</param>
/// <param name="Revised">The last revision.</param>
/// <param name="Steps">Each round.</param>
public sealed record ConstitutionalAnswer(string First, string Revised, IReadOnlyList<ConstitutionalStep> Steps);

/// <summary>Holds one round of criticism.</summary>
/// <param name="Rule">The rule.</param>
/// <param name="Critique">The critic's critique.</param>
/// <param name="Revision">Its revision; empty where it wrote none, and the answer stays.</param>
public sealed record ConstitutionalStep(ConstitutionRule Rule, string Critique, string Revision);
