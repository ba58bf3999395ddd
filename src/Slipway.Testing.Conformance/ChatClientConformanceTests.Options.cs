namespace Slipway.Testing.Conformance;

// What ChatOptions say is done, refused or, where it is another client's, left alone.
public abstract partial class ChatClientConformanceTests
{
    /// <summary>Instructions are a system message before the given ones.</summary>
    [Fact]
    public virtual async Task Instructions_OfTheOptions_AreASystemMessageBeforeTheOthers()
    {
        Require(ChatCapabilities.RepeatableAnswers);
        const string Instructions = "Answer in one word.";
        var options = Greedy;
        options.Instructions = Instructions;

        var given = await AskAsync(options);
        var written = await AskAsync(
            Greedy, new ChatMessage(ChatRole.System, Instructions), new ChatMessage(ChatRole.User, Prompt));

        Assert.Equal(Describe(written), Describe(given));
        Assert.Equal(written.Usage?.InputTokenCount, given.Usage?.InputTokenCount);
        Assert.NotEqual((await AskAsync()).Usage?.InputTokenCount, given.Usage?.InputTokenCount);
    }

    /// <summary>A temperature alone makes answers differ, without top-p or top-k beside it.</summary>
    [Fact]
    public virtual async Task Temperature_Alone_Samples()
    {
        Require(ChatCapabilities.Sampling);
        HashSet<string> answers = [];
        for (var seed = 0; seed < 8; seed++)
        {
            answers.Add((await AskAsync(Drawn(seed))).Text);
        }

        Assert.True(answers.Count > 1, $"Eight draws at temperature 1.5 all gave '{answers.First()}'.");
    }

    /// <summary>The same seed draws the same answer.</summary>
    [Fact]
    public virtual async Task Seed_OfTheOptions_MakesTheDrawsRepeatable()
    {
        Require(ChatCapabilities.Sampling);
        for (var seed = 0; seed < 4; seed++)
        {
            Assert.Equal(Describe(await AskAsync(Drawn(seed))), Describe(await AskAsync(Drawn(seed))));
        }
    }

    /// <summary>Of one token only the most probable one is left.</summary>
    [Fact]
    public virtual async Task TopK_OfOne_TakesTheMostProbableToken()
    {
        Require(ChatCapabilities.Sampling | ChatCapabilities.RepeatableAnswers);
        var expected = Describe(await AskAsync());
        for (var seed = 0; seed < 4; seed++)
        {
            var options = Drawn(seed);
            options.TopK = 1;
            Assert.Equal(expected, Describe(await AskAsync(options)));
        }
    }

    /// <summary>Of next to no probability only the most probable token is left.</summary>
    [Fact]
    public virtual async Task TopP_OfNextToNothing_TakesTheMostProbableToken()
    {
        Require(ChatCapabilities.Sampling | ChatCapabilities.RepeatableAnswers);
        var expected = Describe(await AskAsync());
        for (var seed = 0; seed < 4; seed++)
        {
            var options = Drawn(seed);
            options.TopP = 1e-5f;
            Assert.Equal(expected, Describe(await AskAsync(options)));
        }
    }

    /// <summary>Penalties of the OpenAI range are taken.</summary>
    [Fact]
    public virtual async Task Penalties_OfTheOptions_AreTaken()
    {
        Require(ChatCapabilities.Sampling);
        var options = Greedy;
        (options.FrequencyPenalty, options.PresencePenalty) = (2, -2);
        Assert.NotEmpty((await AskAsync(options)).Messages);
    }

    /// <summary>The limit of tokens is kept, and told by the finish reason.</summary>
    [Fact]
    public virtual async Task MaxOutputTokens_Reached_IsTheFinishReasonLength()
    {
        var response = await AskAsync(With(options => options.MaxOutputTokens = 1));
        Assert.Equal(ChatFinishReason.Length, response.FinishReason);
        Assert.Equal(1, response.Usage?.OutputTokenCount);
    }

    /// <summary>A stop sequence ends the text before it, wherever tokens cut it.</summary>
    [Fact]
    public virtual async Task StopSequence_InTheMiddleOfWords_EndsTheTextBeforeIt()
    {
        Require(ChatCapabilities.RepeatableAnswers);
        var text = (await AskAsync()).Text;
        Assert.True(text.Length >= 8, $"The prompt is answered with '{text}'; eight characters are needed.");
        for (var at = 1; at < 5; at++)
        {
            var options = Greedy;
            var stop = text.Substring(at, 3);
            options.StopSequences = ["not in the answer", stop];

            var response = await AskAsync(options);

            Assert.Equal(text[..text.IndexOf(stop, StringComparison.Ordinal)].TrimEnd(), response.Text.TrimEnd());
            Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
        }
    }

    /// <summary>The client's own model can be named, and its name stands on every update.</summary>
    [Fact]
    public virtual async Task ModelId_OfTheClient_IsTakenAndTold()
    {
        var options = Greedy;
        options.ModelId = Client.GetService<ChatClientMetadata>()?.DefaultModelId;
        Assert.All(await StreamAsync(options), update => Assert.False(string.IsNullOrEmpty(update.ModelId)));
        Assert.False(string.IsNullOrEmpty((await AskAsync(options)).ModelId), "The response names no model.");
    }

    /// <summary>A conversation that the client does not know is an error, never a new one.</summary>
    [Fact]
    public virtual async Task ConversationId_Unknown_IsAnError()
    {
        var options = Greedy;
        options.ConversationId = "a conversation that nobody began";
        await Assert.ThrowsAnyAsync<Exception>(() => AskAsync(options));
    }

    /// <summary>Properties of other clients are left alone.</summary>
    [Fact]
    public virtual async Task AdditionalProperties_Unknown_AreLeftAlone()
    {
        var options = Greedy;
        options.AdditionalProperties = new() { ["a_property_of_another_client"] = new object(), ["another"] = null };
        Assert.NotEmpty((await AskAsync(options)).Messages);
    }

    /// <summary>The caller's own representation is asked for; another client's is left alone.</summary>
    [Fact]
    public virtual async Task RawRepresentation_OfAnotherClient_IsLeftAlone()
    {
        var (options, asked) = (Greedy, 0);
        options.RawRepresentationFactory = _ =>
        {
            asked++;
            return new Uri("https://example.com");
        };
        Assert.NotEmpty((await AskAsync(options)).Messages);
        Assert.Equal(1, asked);
    }

    /// <summary>Values that cannot be are refused, not swallowed.</summary>
    [Fact]
    public virtual async Task MaxOutputTokens_BelowOne_AreRefused()
        => await Assert.ThrowsAnyAsync<Exception>(() => AskAsync(
            With(options => options.MaxOutputTokens = -1)));

    /// <summary>The caller's options and messages are the same after a request.</summary>
    [Fact]
    public virtual async Task Options_OfTheCaller_AreNotChanged()
    {
        var options = Greedy;
        options.Instructions = "Be brief.";
        options.StopSequences = ["zzz"];
        options.AdditionalProperties = new() { ["theirs"] = "kept" };
        var before = Show(options);
        List<ChatMessage> messages = [new(ChatRole.User, Prompt)];

        await Client.GetResponseAsync(messages, options, Cancellation);

        Assert.Equal(before, Show(options));
        Assert.Equal(Prompt, Assert.Single(messages).Text);
    }

    private ChatOptions Drawn(int seed) => With(options => (options.Temperature, options.Seed) = (1.5f, seed));

    private static string Show(ChatOptions options)
        => string.Join('\n', typeof(ChatOptions).GetProperties().Select(property
            => $"{property.Name}: " + property.GetValue(options) switch
            {
                IEnumerable<string> texts => string.Join(',', texts),
                AdditionalPropertiesDictionary extra => string.Join(
                    ',', extra.Select(pair => $"{pair.Key}={pair.Value}")),
                var value => value?.ToString(),
            }));
}
