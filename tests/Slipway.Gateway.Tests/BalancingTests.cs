using System.Globalization;
using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Slipway.Gateway.Balancing;

namespace Slipway.Gateway.Tests;

/// <summary>Holds the gateway to where it sends what.</summary>
public sealed class BalancingTests
{
    private static readonly string[] Addresses
        = [.. Enumerable.Range(1, 5).Select(index => $"http://10.0.0.{index}:8080")];

    [Fact]
    public async Task Conversation_OfManyTurns_StaysAtOneReplica()
    {
        await using var gateway = await TestGateway.StartAsync(3);

        // By chance alone 48 conversations leave one of three replicas out once in ninety million runs.
        var used = new HashSet<string>();
        for (var conversation = 0; conversation < 48; conversation++)
        {
            var first = await gateway.PostAsync(TestGateway.Chat($"question {conversation}"));
            var second = await gateway.PostAsync(TestGateway.Chat($"question {conversation}", "a"));
            var third = await gateway.PostAsync(TestGateway.Chat($"question {conversation}", "a", "b"));
            Assert.Equal((first.Text, first.Text), (second.Text, third.Text));
            used.Add(first.Text);
        }

        Assert.Equal(3, used.Count);
    }

    [Fact]
    public async Task Requests_WithoutAffinity_GoToAllReplicas()
    {
        await using var gateway = await TestGateway.StartAsync(3);
        var used = new HashSet<string>();
        for (var i = 0; i < 6; i++)
        {
            used.Add((await gateway.PostAsync("""{"model": "m", "input": "a"}""", "/v1/embeddings")).Text);
        }

        Assert.Equal(3, used.Count);
    }

    [Fact]
    public void Replica_ThatLeaves_MovesItsOwnConversationsOnly()
    {
        var moved = 0;
        for (var i = 0; i < 1_000; i++)
        {
            var prefix = Prefix("/v1/chat/completions", TestGateway.Chat($"{i}"))!;
            var before = Own(prefix, Addresses);
            var after = Own(prefix, Addresses[..^1]);
            Assert.True(before == after || before == Addresses[^1]);
            moved += before == Addresses[^1] ? 1 : 0;
        }

        // A fifth of them, within five standard deviations.
        Assert.InRange(moved, 137, 263);
    }

    // Quotes stand for double ones, and A for a first message.
    [Theory]
    [InlineData("/v1/chat/completions", "{'messages': [A], 'model': 'm', 'temperature': 1}", true)]
    [InlineData("/v1/chat/completions", "{'model': 'm', 'messages': [A, {'role': 'user', 'content': 'b'}]}", true)]
    [InlineData("/v1/chat/completions", "{'model': 'm', 'messages': [{'role': 'user', 'content': 'b'}]}", false)]
    [InlineData("/v1/chat/completions", "{'model': 'n', 'messages': [A]}", false)]
    [InlineData("/v1/responses", "{'model': 'm', 'input': [A]}", true)]
    [InlineData("/v1/responses", "{'model': 'm', 'instructions': 'i', 'input': [A]}", false)]
    public void Prefix_OfRequests_IsHowTheyBegin(string path, string body, bool isSame)
    {
        const string First = """{"role": "user", "content": "a"}""";
        var prefix = Prefix("/v1/chat/completions", $$"""{"model": "m", "messages": [{{First}}]}""")!;
        var other = Prefix(path, body.Replace('\'', '"').Replace("A", First, StringComparison.Ordinal))!;
        Assert.Equal(isSame, prefix.WeightOf("http://a") == other.WeightOf("http://a"));
    }

    [Fact]
    public void Prefix_OfACallersKey_IsTheKey()
    {
        var one = Prefix("/v1/responses", """{"model": "m", "prompt_cache_key": "k", "input": "a"}""")!;
        var other = Prefix("/v1/responses", """{"model": "m", "prompt_cache_key": "k", "input": "b"}""")!;
        Assert.Equal(one.WeightOf("http://A/"), other.WeightOf("http://a"));
    }

    [Fact]
    public void Prefix_OfAPrompt_IsItsBeginning()
    {
        var text = new string('x', 300);
        Assert.Equal(
            Prefix("/v1/completions", $$"""{"prompt": "{{text}}a"}""")!.WeightOf("http://a"),
            Prefix("/v1/completions", $$"""{"prompt": "{{text}}b"}""")!.WeightOf("http://a"));
    }

    [Theory]
    [InlineData("/v1/embeddings", """{"model": "m", "input": "a"}""")]
    [InlineData("/v1/chat/completions", """{"model": "m"}""")]
    [InlineData("/v1/chat/completions", """{"model": "m", "messages": []}""")]
    [InlineData("/v1/chat/completions", """{"model": "m", "messages": 7}""")]
    [InlineData("/v1/completions", """{"prompt": null}""")]
    [InlineData("/v1/chat/completions", "[]")]
    public void Prefix_OfOtherRequests_IsNone(string path, string body) => Assert.Null(Prefix(path, body));

    [Fact]
    public async Task Conversation_WhoseReplicaIsFull_GoesToTheLeastLoaded()
    {
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var gateway = await TestGateway.StartAsync(
            3, index => async (context, body) =>
            {
                if (body.Contains("wait", StringComparison.Ordinal))
                {
                    await release.Task;
                }

                await context.Response.WriteAsync(index.ToString(CultureInfo.InvariantCulture));
            },
            options => options.MaxLoadDifference = 2);
        var body = TestGateway.Chat("question", "wait");
        var running = new List<Task<(HttpStatusCode Status, string Text)>>();
        for (var i = 1; i <= 3; i++)
        {
            running.Add(gateway.PostAsync(body));
            while (gateway.Replicas.Sum(replica => replica.Bodies.Count) < i)
            {
                await Task.Delay(5, TestContext.Current.CancellationToken);
            }
        }

        var late = await gateway.PostAsync(TestGateway.Chat("question"));
        release.SetResult();
        var answers = await Task.WhenAll(running);
        Assert.Single(answers.Select(answer => answer.Text).Distinct());
        Assert.NotEqual(answers[0].Text, late.Text);
        Assert.Equal(answers[0].Text, (await gateway.PostAsync(TestGateway.Chat("question"))).Text);
    }

    [Fact]
    public async Task Replicas_OfConfiguration_ComeAndGo()
    {
        await using var gateway = await TestGateway.StartAsync(2);
        var own = (await gateway.PostAsync(TestGateway.Chat("question"))).Text;
        var other = own == "0" ? "1" : "0";
        gateway.Configure(gateway.Replicas[own == "0" ? 1 : 0].Address);
        await WaitAsync(async () => (await gateway.PostAsync(TestGateway.Chat("question"))).Text == other);
        gateway.Configure("wrong");
        Assert.Equal(other, (await gateway.PostAsync(TestGateway.Chat("question"))).Text);
        gateway.Configure([.. gateway.Replicas.Select(replica => replica.Address)]);
        await WaitAsync(async () => (await gateway.PostAsync(TestGateway.Chat("question"))).Text == own);
    }

    [Fact]
    public async Task Replica_ThatIsNotReady_GetsNothing()
    {
        await using var gateway = await TestGateway.StartAsync(
            2, configure: options => options.HealthInterval = TimeSpan.FromMilliseconds(50));
        var own = int.Parse((await gateway.PostAsync(TestGateway.Chat("question"))).Text, CultureInfo.InvariantCulture);
        gateway.Replicas[own].IsReady = false;
        await WaitAsync(async () => (await gateway.PostAsync(TestGateway.Chat("question"))).Text == $"{1 - own}");
        gateway.Replicas[own].IsReady = true;
        await WaitAsync(async () => (await gateway.PostAsync(TestGateway.Chat("question"))).Text == $"{own}");
    }

    // The test's own time limit ends what never becomes true.
    private static async Task WaitAsync(Func<Task<bool>> condition)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        while (!await condition())
        {
            await Task.Delay(10, limit.Token);
        }
    }

    private static string Own(PromptPrefix prefix, IEnumerable<string> addresses) => addresses.MaxBy(prefix.WeightOf)!;

    private static PromptPrefix? Prefix(string path, string body)
    {
        using var document = JsonDocument.Parse(body);
        return PromptPrefix.Find(new PathString(path), document.RootElement);
    }
}
