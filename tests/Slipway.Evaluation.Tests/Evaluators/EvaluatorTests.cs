using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.AI.Evaluation;
using Slipway.Evaluation.Evaluators;
using Slipway.Evaluation.Metrics;
using Slipway.Evaluation.ToolCalls;

namespace Slipway.Evaluation.Tests.Evaluators;

public sealed class EvaluatorTests
{
    [Fact]
    public async Task TextOverlap_References_GiveTheMetricsValues()
    {
        string[] references = ["the cats sat on a mat", "no"];
        var result = await EvaluateAsync(
            new TextOverlapEvaluator(), "the cat sat on the mat", new ReferenceTextContext(references));
        Assert.Equal(Rouge.Score("the cat sat on the mat", references, stem: true).Rouge1.F1, Value(result, "ROUGE-1"));
        Assert.Equal(Bleu.Sentence("the cat sat on the mat", references).Score, Value(result, "BLEU"));
        Assert.Equal(ChrF.Sentence("the cat sat on the mat", references), Value(result, "chrF"));
        Assert.Contains(ReferenceTextContext.ContextName, result.Metrics["BLEU"].Context!.Keys);
    }

    [Theory]
    [InlineData("The Eiffel Tower.", "eiffel tower", 1, 1, 0)]
    [InlineData("so 6 * 7 = 42", "#### 42", 0, 0.4, 1)]
    public async Task ShortAnswer_References_AreMatched(
        string answer, string reference, double exact, double f1, double number)
    {
        var result = await EvaluateAsync(new ShortAnswerEvaluator(), answer, new ReferenceTextContext(reference));
        Assert.Equal(exact, Value(result, "Exact Match"));
        Assert.Equal(f1, Value(result, "F1"), 1e-9);
        Assert.Equal(number, Value(result, "Number Match"));
    }

    [Fact]
    public async Task ToolCallAccuracy_Calls_AreComparedWithTheExpectedOnes()
    {
        var test = ToolCallCase.FromConversation("call", JsonNode.Parse("""
            [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]}]
            """)!.AsArray(), JsonNode.Parse("""[{"function": {"name": "f"}}]""")!.AsArray());
        var context = new ExpectedToolCallsContext(test);
        var evaluator = new ToolCallAccuracyEvaluator();
        foreach (var (argument, exact) in new[] { (1, 1.0), (2, 0.0) })
        {
            var call = new FunctionCallContent("1", "f", new Dictionary<string, object?> { ["a"] = argument });
            var result = await evaluator.EvaluateAsync(
                [], new ChatResponse(new ChatMessage(ChatRole.Assistant, [call])), null, [context],
                TestContext.Current.CancellationToken);
            Assert.Equal(exact, Value(result, "Exact Tool Calls"));
            Assert.Equal(1, Value(result, "Right Tools"));
        }
    }

    /// <summary>As a user's report runs them: several at once over one response, judged by the reader.</summary>
    [Fact]
    public async Task Composite_AllEvaluators_GiveEachMetricOnce()
    {
        IEvaluator[] evaluators =
            [new TextOverlapEvaluator(), new ShortAnswerEvaluator(), new ToolCallAccuracyEvaluator()];
        var result = await EvaluateAsync(
            new CompositeEvaluator(evaluators), "Paris", new ReferenceTextContext("Lyon", "paris."));

        string[] names = [.. evaluators.SelectMany(evaluator => evaluator.EvaluationMetricNames)];
        Assert.Equal(names.Order(), result.Metrics.Keys.Order());
        Assert.Equal(1, Value(result, "Exact Match"));
        Assert.Equal(1, Value(result, "ROUGE-1"));
        Assert.Null(Assert.IsType<NumericMetric>(result.Metrics["Right Tools"]).Value);
        result.Interpret(metric => new EvaluationMetricInterpretation(
            metric is NumericMetric { Value: >= 0.5 } ? EvaluationRating.Good : EvaluationRating.Poor));
        Assert.Equal(EvaluationRating.Good, result.Metrics["F1"].Interpretation!.Rating);
        Assert.Equal(EvaluationRating.Poor, result.Metrics["ROUGE-2"].Interpretation!.Rating);
    }

    [Fact]
    public void ReferenceTextContext_NoReference_IsRefused() => Assert.StartsWith(
        "There is no reference; expected at least one.",
        Assert.Throws<ArgumentException>(() => new ReferenceTextContext()).Message, StringComparison.Ordinal);

    [Fact]
    public async Task Evaluate_NoContext_IsADiagnosticAndNoValue()
    {
        IEvaluator[] evaluators =
            [new TextOverlapEvaluator(), new ShortAnswerEvaluator(), new ToolCallAccuracyEvaluator()];
        foreach (var evaluator in evaluators)
        {
            var result = await EvaluateAsync(evaluator, "x");
            Assert.Equal(evaluator.EvaluationMetricNames.Order(), result.Metrics.Keys.Order());
            Assert.All(result.Metrics.Values, metric =>
            {
                Assert.Null(((NumericMetric)metric).Value);
                Assert.Contains(
                    "There is nothing to compare the response with.", Assert.Single(metric.Diagnostics!).Message,
                    StringComparison.Ordinal);
            });
        }
    }

    private static async Task<EvaluationResult> EvaluateAsync(
        IEvaluator evaluator, string answer, params EvaluationContext[] context)
        => await evaluator.EvaluateAsync(
            [new ChatMessage(ChatRole.User, "?")], new ChatResponse(new ChatMessage(ChatRole.Assistant, answer)), null,
            context, TestContext.Current.CancellationToken);

    private static double Value(EvaluationResult result, string name)
        => Assert.IsType<NumericMetric>(result.Metrics[name]).Value!.Value;
}
