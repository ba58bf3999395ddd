using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.AI;
using Slipway.Guidance;
using Slipway.Tests.Guidance;
using Slipway.Tests.Guidance.Json;

namespace Slipway.Tests.Chat;

/// <summary>
/// Types whose written form System.Text.Json decides: an answer is read by them, and what they write is an answer.
/// </summary>
public sealed class DotNetTypesTests
{
    private static readonly JsonSerializerOptions Compact = new(AIJsonUtilities.DefaultOptions)
    {
        WriteIndented = false,
    };

    public static TheoryData<Type> Types =>
    [
        typeof(TimeOnly), typeof(DateOnly), typeof(TimeSpan), typeof(Uri), typeof(Guid), typeof(DateTime),
        typeof(DateTimeOffset), typeof(Version), typeof(Dictionary<string, bool>), typeof(Shape),
        typeof(Dictionary<string, string[]>), typeof(double), typeof(DayOfWeek),
    ];

    public static TheoryData<Type, object> Values => new()
    {
        { typeof(TimeOnly), new TimeOnly(23, 59, 58) },
        { typeof(TimeOnly), new TimeOnly(1, 2, 3).Add(TimeSpan.FromTicks(1)) },
        { typeof(TimeOnly), TimeOnly.MaxValue },
        { typeof(DateOnly), new DateOnly(2024, 2, 29) },
        { typeof(TimeSpan), TimeSpan.Zero },
        { typeof(TimeSpan), new TimeSpan(-12345, 23, 59, 59, 999) },
        { typeof(Uri), new Uri("https://example.com/a?b=c#d") },
        { typeof(Guid), new Guid("7f0c2a1e-0000-4000-8000-00000000abcd") },
        { typeof(DateTime), new DateTime(2024, 2, 29, 1, 2, 3, DateTimeKind.Utc) },
        { typeof(DateTimeOffset), new DateTimeOffset(2024, 2, 29, 1, 2, 3, TimeSpan.FromHours(-5.5)) },
        { typeof(Version), new Version(1, 20, 3) },
        { typeof(Half), (Half)1.5 },
        { typeof(byte[]), new byte[] { 0, 1, 250, 255 } },
        { typeof(Dictionary<string, int>), new Dictionary<string, int> { ["a"] = 1, ["b c"] = -2 } },
        { typeof(Shape), new Circle(2) },
        { typeof(Shape), new Square("x", true) },
        { typeof(decimal), 1.25m },
        { typeof(byte), (byte)255 },
        { typeof(Int128), (Int128)123456789012345 },
    };

    [Theory]
    [MemberData(nameof(Types))]
    public async Task Answers_Drawn_AreReadByTheType(Type type)
    {
        var holder = typeof(Holder<>).MakeGenericType(type);
        var automaton = await GrammarAsync(holder);
        var random = new Random(17);
        for (var i = 0; i < 200; i++)
        {
            var json = automaton.Draw(random);
            if (json is not null)
            {
                Assert.NotNull(JsonSerializer.Deserialize(json, holder, AIJsonUtilities.DefaultOptions));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Values))]
    public async Task Values_Written_AreAnswers(Type type, object value)
    {
        var holder = Activator.CreateInstance(typeof(Holder<>).MakeGenericType(type), value, value)!;
        var json = JsonSerializer.Serialize(holder, holder.GetType(), Compact);
        Assert.True((await GrammarAsync(holder.GetType())).Accepts(json), json);
    }

    [Fact]
    public async Task TypedResponse_WithATime_IsRead()
    {
        using var client = new OnnxChatClient(Slipway.Testing.SharedAssets.Path("genai-packages", "llama-int4"));
        for (var seed = 1; seed < 6; seed++)
        {
            var response = await client.GetResponseAsync<Holder<TimeOnly>>(
                "When?", new ChatOptions { Temperature = 1, Seed = seed },
                cancellationToken: TestContext.Current.CancellationToken);
            Assert.True(response.TryGetResult(out var result), response.Text);
            Assert.InRange(result.Value, TimeOnly.MinValue, TimeOnly.MaxValue);
        }
    }

    [Fact]
    public async Task ToolCall_WithATime_IsHeldToWhatTheFunctionReads()
    {
        var function = AIFunctionFactory.Create((TimeOnly at, TimeSpan length) => $"{at} {length}", "set_alarm");
        var automaton = Offers.Automaton("hermes", function);
        Assert.True(automaton.Accepts(
            "<tool_call>\n{\"name\": \"set_alarm\", \"arguments\": {\"at\": \"07:30:00\", \"length\": "
            + "\"00:05:00\"}}\n</tool_call>"));
        Assert.False(automaton.Accepts(
            "<tool_call>\n{\"name\": \"set_alarm\", \"arguments\": {\"at\": \"07:30:00Z\", \"length\": "
            + "\"00:05:00\"}}\n</tool_call>"));
        var arguments = new AIFunctionArguments(new Dictionary<string, object?>
        {
            ["at"] = JsonSerializer.SerializeToElement("07:30:00"),
                ["length"] = JsonSerializer.SerializeToElement("00:05:00"),
        });
        Assert.NotNull(await function.InvokeAsync(arguments, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Grammar_OfASchemaAlone_KeepsTheFormatsOffset()
    {
        var automaton = new GrammarAutomaton(
            GuidanceGrammar.JsonSchema("""{"type":"string","format":"time"}""").Element);
        Assert.True(automaton.Accepts("\"10:20:30Z\""));
        Assert.False(automaton.Accepts("\"10:20:30\""));
    }

    private static Task<GrammarAutomaton> GrammarAsync(Type type)
        => SchemaAnnotationTests.ChatGrammarAsync(
            ChatResponseFormat.ForJsonSchema(AIJsonUtilities.CreateJsonSchema(type)));

    [JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
    [JsonDerivedType(typeof(Circle), "circle")]
    [JsonDerivedType(typeof(Square), "square")]
    public abstract record Shape;

    public sealed record Circle(double Radius) : Shape;

    public sealed record Square(string Name, bool? Filled) : Shape;

    public sealed record Holder<T>(T Value, T? Second);
}
