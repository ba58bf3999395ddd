using Microsoft.ML.OnnxRuntime;
using Slipway.LanguageModels.Caching;
using Slipway.LanguageModels.Shapes;
using Slipway.Onnx;

namespace Slipway.LanguageModels.Proof;

/// <summary>Compares a graph of steps with its module.</summary>
internal static class StepProof
{
    private const long MaxLogits = 1L << 24;
    private static readonly int[] Pieces = [7, 1, 1, 3, 1, 4];
    private const int Steps = 4;

    /// <summary>
    /// Runs prompts of three lengths in pieces, then steps of all rows together, and, alone, a prompt as long as the
    /// context with a step at its end.
    /// </summary>
    /// <returns>The largest difference, relative to the scale of the logits, and where it was.</returns>
    public static (double Difference, string Place) Run(
        LanguageModule module, StepGraph steps, string folder, int context)
    {
        try
        {
            using GraphSession session = new(new OnnxModel(steps.Graph), folder, optimized: true);
            Comparison comparison = new(module, steps, session.Session, context);
            comparison.Rows();
            comparison.Longest();
            return (comparison.Largest, comparison.Place);
        }
        catch (OnnxRuntimeException exception)
        {
            return (double.PositiveInfinity, exception.Message);
        }
    }

    private sealed class Comparison(
        LanguageModule module, StepGraph steps, InferenceSession session, int context)
    {
        private readonly Random _random = new(5);

        public double Largest { get; private set; }

        public string Place { get; private set; } = "";

        public void Rows()
        {
            int[] lengths =
                [.. ((int[])[17, 9, 12]).Select(length => Math.Clamp(length, 1, Math.Max(context - Steps, 1)))];
            long[][] rows = [.. lengths.Select(length => Ids(Math.Min(length + Steps, context)))];
            var expected = Array.ConvertAll(rows, row => module.Logits(row, 1));
            var capacity = lengths.Max() + Steps + 5;
            using StepRunner runner = new(session, steps, rows.Length, capacity, module.VocabularySize);
            for (var row = 0; row < rows.Length; row++)
            {
                for (int start = 0, piece = row; start < lengths[row]; piece++)
                {
                    var count = Math.Min(Pieces[piece % Pieces.Length], lengths[row] - start);
                    var logits = runner.Run(row, [start + count], rows[row][start..(start + count)]);
                    Compare(logits, expected[row], start, count, $"row {row}, tokens {start} to {start + count - 1}");
                    start += count;
                }
            }

            for (var step = 0; step < Steps && lengths.Max() + step < context; step++)
            {
                var at = step;
                var logits = runner.Run(
                    0, [.. lengths.Select(length => length + at + 1)],
                    [.. rows.Zip(lengths, (row, length) => row[length + at])], kept: 1);
                for (var row = 0; row < rows.Length; row++)
                {
                    Compare(
                        logits.AsSpan(row * module.VocabularySize, module.VocabularySize), expected[row],
                        lengths[row] + step, 1, $"a step of three rows, row {row}, token {lengths[row] + step}");
                }
            }
        }

        // Thresholds may lie beyond what was traced; of large vocabularies the last positions are compared.
        public void Longest()
        {
            if (context < 2)
            {
                return;
            }

            var kept = (int)Math.Clamp(MaxLogits / module.VocabularySize, 1, context - 1);
            var ids = Ids(context);
            var expected = module.Logits(ids, 1, last: kept + 1);
            using StepRunner runner = new(session, steps, 1, context, module.VocabularySize);
            var logits = runner.Run(0, [context - 1], ids[..^1], kept);
            Compare(logits, expected, 0, kept, $"a prompt of {context - 1} tokens");
            Compare(runner.Run(0, [context], ids[^1..], kept: 1), expected, kept, 1, $"token {context - 1}");
        }

        private long[] Ids(int count)
            => [.. Enumerable.Range(0, count).Select(_ => _random.NextInt64(module.VocabularySize))];

        private void Compare(ReadOnlySpan<float> actual, float[] expected, int start, int count, string place)
        {
            var wanted = expected.AsSpan(start * module.VocabularySize, count * module.VocabularySize);
            double scale = 1e-30, largest = 0;
            for (var index = 0; index < wanted.Length; index++)
            {
                scale = Math.Max(scale, float.IsFinite(wanted[index]) ? Math.Abs(wanted[index]) : 0);
                var difference = actual[index].Equals(wanted[index]) ? 0
                    : Math.Abs((double)actual[index] - wanted[index]);
                largest = Math.Max(largest, double.IsNaN(difference) ? double.PositiveInfinity : difference);
            }

            if (largest / scale > Largest)
            {
                (Largest, Place) = (largest / scale, place);
            }
        }
    }
}
