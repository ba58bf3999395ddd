namespace Slipway.Training.Models;

/// <summary>Reports a model configuration that cannot be used, and where it stands.</summary>
public sealed class ModelConfigException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="path">The file, or what stands for it.</param>
    /// <param name="key">The configuration key at fault.</param>
    /// <param name="message">What is wrong, what was expected and what to do.</param>
    public ModelConfigException(string path, string key, string message)
        : base(message)
    {
        Path = path;
        Key = key;
    }

    /// <summary>The file, or what stands for it.</summary>
    public string Path { get; }

    /// <summary>The configuration key at fault.</summary>
    public string Key { get; }
}
