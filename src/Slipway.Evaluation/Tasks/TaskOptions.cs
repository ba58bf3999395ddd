using Slipway.Evaluation.CodeExecution;

namespace Slipway.Evaluation.Tasks;

/// <summary>Says how a task is put to a model.</summary>
public sealed record TaskOptions
{
    /// <summary>Examples with their answers that each prompt begins with.</summary>
    /// <remarks>
    /// They are drawn by <see cref="Seed"/> from <see cref="ShotsPath"/>, or else from the task's own items, which then
    /// are not scored.
    /// </remarks>
    /// <value>0</value>
    public int Shots { get; init; }

    /// <summary>A file of the same form that examples are drawn from; null for the task's own.</summary>
    public string? ShotsPath { get; init; }

    /// <summary>The most items to score, the first ones; null for all.</summary>
    public int? Limit { get; init; }

    /// <summary>Chooses examples, samples and bootstrap sets.</summary>
    public int Seed { get; init; }

    /// <summary>Tells whether a reasoning task asks for the way to the answer too.</summary>
    /// <value>true</value>
    public bool ChainOfThought { get; init; } = true;

    /// <summary>The longest answer in tokens; null for what the kind of task needs.</summary>
    public int? MaxOutputTokens { get; init; }

    /// <summary>
    /// The names of classes that a model is asked for, where the file has them by numbers from 0; empty for the file's
    /// own words.
    /// </summary>
    public IReadOnlyList<string> Labels { get; init; } = [];

    /// <summary>Attempts at each code task.</summary>
    /// <value>1</value>
    public int Samples { get; init; } = 1;

    /// <summary>Sampling temperature of code tasks with more than one attempt; one attempt is greedy.</summary>
    /// <value>0.8</value>
    public double Temperature { get; init; } = 0.8;

    /// <summary>
    /// Tells whether a prompt is continued as plain text, without the chat template, as models are asked that were not
    /// tuned to chat; needs a package.
    /// </summary>
    public bool PlainText { get; init; }

    /// <summary>Tells whether code tasks may run the programs that a model writes.</summary>
    /// <value>false</value>
    public bool AllowCodeExecution { get; init; }

    /// <summary>The limits of those programs.</summary>
    public ProgramLimits ProgramLimits { get; init; } = new();

    /// <exception cref="ArgumentException">An option is out of range; the message names every one.</exception>
    internal static TaskOptions Checked(TaskOptions options)
    {
        List<string> errors = [];
        Require(options.Shots >= 0, $"Shots is '{options.Shots}'; expected 0 or more.");
        Require(options.Limit is null or > 0, $"Limit is '{options.Limit}'; expected 1 or more, or null for all.");
        Require(
            options.MaxOutputTokens is null or > 0,
            $"MaxOutputTokens is '{options.MaxOutputTokens}'; expected 1 or more, or null.");
        Require(options.Samples > 0, $"Samples is '{options.Samples}'; expected 1 or more.");
        Require(options.Temperature is >= 0 and <= 5, $"Temperature is '{options.Temperature}'; expected from 0 to 5.");
        return errors.Count == 0 ? options : throw new ArgumentException(string.Join(" ", errors), nameof(options));

        void Require(bool condition, string message)
        {
            if (!condition)
            {
                errors.Add(message);
            }
        }
    }
}
