using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;
using Slipway.AspNetCore;
using Slipway.AspNetCore.Tests;

namespace Slipway.Page.Tests;

/// <summary>Answers as a test says: each request takes the next answer, and the last one again.</summary>
internal sealed class Script
{
    private readonly Func<CancellationToken, IAsyncEnumerable<ChatResponseUpdate>>[] _answers;
    private int _next;

    private Script(Func<CancellationToken, IAsyncEnumerable<ChatResponseUpdate>>[] answers) => _answers = answers;

    /// <summary>Ends when a held answer was cancelled.</summary>
    public TaskCompletionSource Cancelled { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Lets held answers go on.</summary>
    public TaskCompletionSource Release { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Makes a script of answers, each a list of contents.</summary>
    public static Script Saying(params AIContent[][] answers)
        => new([.. answers.Select(contents => (Func<CancellationToken, IAsyncEnumerable<ChatResponseUpdate>>)(
            _ => FakeChatClient.Updates(contents)))]);

    /// <summary>Makes a script of answers of one text each.</summary>
    public static Script Saying(params string[] answers)
        => Saying([.. answers.Select(text => (AIContent[])[new TextContent(text)])]);

    /// <summary>Makes a script that says a text, waits, and goes on with another.</summary>
    public static Script Holding(string before, string after)
    {
        Script? script = null;
        script = new Script([token => script!.HoldAsync(before, after, token)]);
        return script;
    }

    /// <summary>Makes a script that says a text and fails, and then one that answers.</summary>
    public static Script Failing(string before, string retried)
        => new([_ => FailAsync(before), _ => FakeChatClient.Updates(new TextContent(retried))]);

    public Task<TestServer> StartAsync(Action<OpenAIServerOptions>? configure = null) => TestServer.StartAsync(
        models => models.AddChatClient("scripted", _ => new FakeChatClient(
            (_, _, token) => _answers[Math.Min(_next++, _answers.Length - 1)](token))), configure);

    private async IAsyncEnumerable<ChatResponseUpdate> HoldAsync(
        string before, string after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        yield return new ChatResponseUpdate(ChatRole.Assistant, before);
        await Release.Task.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (cancellationToken.IsCancellationRequested)
        {
            Cancelled.TrySetResult();
            yield break;
        }

        yield return new ChatResponseUpdate(ChatRole.Assistant, after);
        yield return new ChatResponseUpdate(
            ChatRole.Assistant, [new UsageContent(new() { InputTokenCount = 5, OutputTokenCount = 9 })]);
    }

    private static async IAsyncEnumerable<ChatResponseUpdate> FailAsync(string before)
    {
        await Task.Yield();
        if (before.Length > 0)
        {
            yield return new ChatResponseUpdate(ChatRole.Assistant, before);
        }

        throw new InvalidOperationException("out of luck");
    }
}
