namespace LoraSharp.Models;

/// <summary>A model folder that cannot be loaded: no or a malformed config.json, an unknown architecture, missing or unexpected tensors, wrong shapes.</summary>
public sealed class ModelFormatException : IOException
{
    /// <summary>Creates the exception with a message.</summary>
    public ModelFormatException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception with a message and its cause.</summary>
    public ModelFormatException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
