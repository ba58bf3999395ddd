using System.Text.Json.Nodes;
using Slipway.Evaluation.Metrics;
using Slipway.Testing;

namespace Slipway.Evaluation.Tests.Metrics;

/// <summary>Compares every metric with what rouge-score, sacreBLEU, scikit-learn and SciPy give.</summary>
public sealed class ReferenceMetricsTests(ITestOutputHelper output)
{
    // The reference's figures have six places, those of sacreBLEU four.
    private const double SixPlaces = 5.01e-7;
    private const double FourPlaces = 5.01e-5;
    private const double Exact = 1e-12;

    private double _largest;

    [Fact]
    public void Rouge_References_AreEqual()
    {
        foreach (var item in Items("rouge"))
        {
            var scores = Rouge.Score(
                (string)item["prediction"]!, (string)item["reference"]!, (bool)item["stemmer"]!);
            foreach (var (name, score) in new[]
            {
                ("rouge1", scores.Rouge1), ("rouge2", scores.Rouge2), ("rougeL", scores.RougeL),
                ("rougeLsum", scores.RougeLsum),
            })
            {
                double[] expected = [.. item[name]!.AsArray().Select(value => (double)value!)];
                Compare(expected[0], score.Precision, SixPlaces, item);
                Compare(expected[1], score.Recall, SixPlaces, item);
                Compare(expected[2], score.F1, SixPlaces, item);
            }
        }

        output.WriteLine($"largest difference {_largest:0.0e+0}");
    }

    [Fact]
    public void BleuAndChrF_References_AreEqual()
    {
        foreach (var item in Items("sentence_bleu"))
        {
            Compare(
                (double)item["score"]!, Bleu.Sentence((string)item["prediction"]!, [(string)item["reference"]!]).Score,
                FourPlaces, item);
        }

        foreach (var item in Items("chrf"))
        {
            Compare(
                (double)item["score"]!, ChrF.Sentence((string)item["prediction"]!, [(string)item["reference"]!]),
                FourPlaces, item);
        }

        var corpus = Root()["corpus_bleu"]!;
        Compare(
            (double)corpus["score"]!,
            Bleu.Corpus(
                Strings(corpus["predictions"]!),
                [.. Strings(corpus["references"]!).Select(IReadOnlyList<string> (text) => [text])]).Score,
            FourPlaces, corpus["signature"]!);
        output.WriteLine($"largest difference {_largest:0.0e+0}");
    }

    [Fact]
    public void QuestionAnswers_References_AreEqual()
    {
        foreach (var item in Items("squad"))
        {
            string prediction = (string)item["prediction"]!, answer = (string)item["answer"]!;
            Compare((double)item["exact_match"]!, QuestionAnswers.ExactMatch(prediction, [answer]), Exact, item);
            Compare((double)item["f1"]!, QuestionAnswers.F1(prediction, [answer]), SixPlaces, item);
        }
    }

    [Fact]
    public void Classification_References_AreEqual()
    {
        var item = Root()["classification"]!;
        int[] labels = Integers(item["labels"]!), predictions = Integers(item["predictions"]!);
        Compare((double)item["accuracy"]!, Classification.Accuracy(predictions, labels), Exact, "accuracy");
        Compare((double)item["f1_macro"]!, Classification.MacroF1(predictions, labels), Exact, "macro");
        Compare((double)item["f1_micro"]!, Classification.MicroF1(predictions, labels), Exact, "micro");
        Compare((double)item["matthews"]!, Classification.Matthews(predictions, labels), Exact, "matthews");
        var binary = item["binary"]!;
        int[] binaryLabels = Integers(binary["labels"]!), binaryPredictions = Integers(binary["predictions"]!);
        Compare((double)binary["f1"]!, Classification.F1(binaryPredictions, binaryLabels, 1), Exact, "binary");
        Compare(
            (double)binary["matthews"]!, Classification.Matthews(binaryPredictions, binaryLabels), Exact,
            "binary matthews");
    }

    [Fact]
    public void Correlation_References_AreEqual()
    {
        var item = Root()["regression"]!;
        double[] labels = Doubles(item["labels"]!), predictions = Doubles(item["predictions"]!);
        Compare((double)item["pearson"]!, Correlation.Pearson(predictions, labels), Exact, "pearson");
        Compare((double)item["spearman"]!, Correlation.Spearman(predictions, labels), Exact, "spearman");
    }

    [Fact]
    public void PassAtK_References_AreEqual()
    {
        foreach (var item in Items("pass_at_k"))
        {
            Compare(
                (double)item["value"]!, PassAtK.Estimate((int)item["n"]!, (int)item["c"]!, (int)item["k"]!), Exact,
                item);
        }
    }

    private void Compare(double expected, double actual, double tolerance, object item)
    {
        _largest = Math.Max(_largest, Math.Abs(expected - actual));
        Assert.True(Math.Abs(expected - actual) <= tolerance, $"{item}: {actual} instead of {expected}");
    }

    private static JsonNode Root()
        => JsonNode.Parse(File.ReadAllText(SharedAssets.Path("metrics", "expected.json")))!;

    private static IEnumerable<JsonNode> Items(string name) => Root()[name]!.AsArray().Select(item => item!);

    private static string[] Strings(JsonNode list) => [.. list.AsArray().Select(item => (string)item!)];

    private static int[] Integers(JsonNode list) => [.. list.AsArray().Select(item => (int)item!)];

    private static double[] Doubles(JsonNode list) => [.. list.AsArray().Select(item => (double)item!)];
}
