namespace LoraSharp.Models;

/// <summary>What adapters and training ask of a model of this library; other TorchSharp modules simply lack it.</summary>
public interface IPretrainedModel
{
    /// <summary>The configuration from config.json.</summary>
    ModelConfig Config { get; }

    /// <summary>Path of the output head (<c>lm_head</c>), which "all-linear" leaves alone; null where there is none.</summary>
    string? OutputHead { get; }

    /// <summary>Path of the token embedding (<c>model.embed_tokens</c>).</summary>
    string InputEmbedding { get; }

    /// <summary>Whether embedding and output head are one matrix.</summary>
    bool TiesWordEmbeddings { get; }

    /// <summary>The folder that the model was loaded from, or null.</summary>
    string? SourceFolder { get; }
}
