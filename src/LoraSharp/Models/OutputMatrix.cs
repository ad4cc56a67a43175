using LoraSharp.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Models;

/// <summary>The matrix that turns hidden states into logits: a layer of its own, or the token table.</summary>
/// <param name="Slot">Its place.</param>
/// <param name="IsTied">Whether it is the token table.</param>
internal sealed record OutputMatrix(Slot Slot, bool IsTied)
{
    /// <summary>Builds the layer at <paramref name="path"/>.</summary>
    /// <param name="root">The whole model's place.</param>
    /// <param name="path">Path of the layer.</param>
    /// <param name="tied">Whether the configuration ties it to the token table.</param>
    /// <param name="bias">Path of its bias; null: none.</param>
    /// <param name="embedding">The token table.</param>
    public static OutputMatrix Build(WeightScope root, string path, bool tied, string? bias, Embedding embedding)
    {
        Parameter table = embedding.Weight;
        long rows = table.shape[0], features = table.shape[1];
        bool shared = tied && Shares(root, path + ".weight", table);

        // A bias may have a place of its own besides (BERT); the file names it there.
        Parameter? offset = bias is null ? null : bias == path + ".bias" ? root.Load(bias, WeightStart.Zeros, rows) : root.Parameter(bias, WeightStart.Zeros, rows);
        LinearWeight weight = shared ? new DenseWeight(table) : root.LoadLinear(path, rows, features).Weight;
        return new(root.Modules.Add(path, new Linear(weight, offset)), shared);
    }

    /// <summary>The same place as it is now: a merge may have given it a matrix of its own.</summary>
    /// <param name="tokens">The token table.</param>
    public OutputMatrix Checked(nn.Module tokens) =>
        IsTied && Slot.Module is Linear { Weight.Parameter: { } own } && tokens is Embedding table && own.Handle != table.Weight.Handle ? this with { IsTied = false } : this;

    // Tied unless the file holds a matrix with other values: the file wins over the configuration.
    private static bool Shares(WeightScope root, string name, Parameter table)
    {
        if (!root.Contains(name))
        {
            return true;
        }

        using Parameter head = root.Load(name, WeightStart.Random, table.shape);
        using Tensor same = head.eq(table);
        using Tensor all = same.all();
        return all.item<bool>();
    }
}
