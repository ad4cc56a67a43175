using LoraSharp.Files;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Models;

/// <summary>BERT written out in double precision with plain loops, for one text without padding.</summary>
internal sealed class PlainBert(string folder, int layers, int heads)
{
    private const double Eps = 1e-12;

    private readonly Dictionary<string, double[][]> _weights = Read(folder);

    /// <summary>The vectors of each token after each layer; entry 0 is the embedding.</summary>
    public List<double[][]> States(IReadOnlyList<int> ids)
    {
        double[][] x = [.. ids.Select((id, position) => Norm("embeddings.LayerNorm", Sum(
            Row("embeddings.word_embeddings.weight", id), Row("embeddings.position_embeddings.weight", position), Row("embeddings.token_type_embeddings.weight", 0))))];
        var states = new List<double[][]> { x };
        for (int layer = 0; layer < layers; layer++)
        {
            string at = $"encoder.layer.{layer}.";
            double[][] attended = Attention(x, at + "attention.self.");
            x = [.. x.Zip(attended, (a, b) => Norm(at + "attention.output.LayerNorm", Sum(a, Linear(at + "attention.output.dense", b))))];
            x = [.. x.Select(a => Norm(at + "output.LayerNorm", Sum(a, Linear(at + "output.dense", [.. Linear(at + "intermediate.dense", a).Select(Gelu)]))))];
            states.Add(x);
        }

        return states;
    }

    private double[][] Attention(double[][] x, string at)
    {
        double[][] q = [.. x.Select(a => Linear(at + "query", a))], k = [.. x.Select(a => Linear(at + "key", a))], v = [.. x.Select(a => Linear(at + "value", a))];
        int size = q[0].Length / heads;
        double[][] result = [.. x.Select(a => new double[q[0].Length])];
        for (int head = 0; head < heads; head++)
        {
            Range part = (head * size)..((head + 1) * size);
            for (int i = 0; i < x.Length; i++)
            {
                double[] e = [.. k.Select(key => Math.Exp(Dot(q[i][part], key[part]) / Math.Sqrt(size)))];
                for (int j = 0; j < x.Length; j++)
                {
                    for (int d = 0; d < size; d++)
                    {
                        result[i][(head * size) + d] += e[j] / e.Sum() * v[j][(head * size) + d];
                    }
                }
            }
        }

        return result;
    }

    private double[] Linear(string name, double[] x) => [.. _weights[name + ".weight"].Select((row, i) => Dot(row, x) + _weights[name + ".bias"][0][i])];

    private double[] Norm(string name, double[] x)
    {
        double mean = x.Average(), deviation = Math.Sqrt(x.Average(value => (value - mean) * (value - mean)) + Eps);
        return [.. x.Select((value, i) => ((value - mean) / deviation * _weights[name + ".weight"][0][i]) + _weights[name + ".bias"][0][i])];
    }

    private double[] Row(string name, int row) => _weights[name][row];

    private static double Gelu(double x) => 0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x))));

    private static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++)
        {
            sum += a[i] * b[i];
        }

        return sum;
    }

    private static double[] Sum(params double[][] parts) => [.. Enumerable.Range(0, parts[0].Length).Select(i => parts.Sum(part => part[i]))];

    private static Dictionary<string, double[][]> Read(string folder)
    {
        using SafeTensorsFile file = SafeTensorsFile.Open(Path.Combine(folder, "model.safetensors"));
        var weights = new Dictionary<string, double[][]>();
        foreach (var entry in file.Tensors)
        {
            using Tensor values = file.Load(entry.Name).to(ScalarType.Float64);
            double[] all = values.data<double>().ToArray();
            weights[entry.Name] = [.. all.Chunk((int)values.shape[^1])];
        }

        return weights;
    }
}
