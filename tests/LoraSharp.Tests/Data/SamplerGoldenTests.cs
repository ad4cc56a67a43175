using System.Text.Json;
using LoraSharp.Data;
using LoraSharp.Tests.Golden;

namespace LoraSharp.Tests.Data;

public class SamplerGoldenTests
{
    [Theory]
    [GoldenCases("sampler")]
    public void Golden(string name)
    {
        var c = new GoldenCase("sampler", name);
        switch (c.Parameters.GetProperty("kind").GetString())
        {
            case "group_by_length":
                GroupByLength(c);
                break;
            case "trainer":
                Trainer(c);
                break;
            case "randperm":
                c.RequireKnownParameters("kind", "seed", "n");
                Assert.Equal(Ints(c.Expected, "indices"), new MersenneTwister(Long(c, "seed")).RandPerm((int)Long(c, "n")));
                break;
            case "dataset_shuffle":
                c.RequireKnownParameters("kind", "seed", "n", "select");
                Dataset shuffled = Numbered((int)Long(c, "n")).Shuffle(Long(c, "seed"));
                Assert.Equal(Ints(c.Expected, "indices"), Numbers(Optional(c, "select") is { } count ? shuffled.Take((int)count) : shuffled));
                break;
            case "train_test_split":
                Split(c);
                break;
            case "generator_words":
                Words(c);
                break;
            case var kind:
                Assert.Fail($"{c}: the runner does not know the kind {kind}.");
                break;
        }
    }

    private static void GroupByLength(GoldenCase c)
    {
        c.RequireKnownParameters("kind", "batch_size", "seed");
        int[] lengths = Ints(c.Inputs, "lengths");
        int[] permutation = new MersenneTwister(Long(c, "seed")).RandPerm(lengths.Length);
        Assert.Equal(Ints(c.Inputs, "permutation"), permutation);
        Assert.Equal(Ints(c.Expected, "indices"), LengthGrouping.Group(lengths, permutation, (int)Long(c, "batch_size")));
    }

    private static void Trainer(GoldenCase c)
    {
        c.RequireKnownParameters(
            "kind", "train_sampling_strategy", "per_device_train_batch_size", "gradient_accumulation_steps", "num_train_epochs", "seed", "data_seed", "dataloader_drop_last");
        var sampler = new EpochSampler(
            c.Parameters.GetProperty("train_sampling_strategy").Deserialize<SamplingStrategy>(),
            c.Inputs.GetProperty("rows").GetInt32(),
            (int)Long(c, "per_device_train_batch_size"),
            (int)Long(c, "gradient_accumulation_steps"),
            Long(c, "seed"),
            (long?)Optional(c, "data_seed"),
            c.Parameters.GetProperty("dataloader_drop_last").GetBoolean(),
            c.Inputs.TryGetProperty("lengths", out _) ? Ints(c.Inputs, "lengths") : null);
        int[][][] expected = c.Expected.GetProperty("micro_batches").Deserialize<int[][][]>()!;
        Assert.Equal((int)Long(c, "num_train_epochs"), expected.Length);

        // From the last epoch back: an order does not depend on what was asked before.
        for (int epoch = expected.Length - 1; epoch >= 0; epoch--)
        {
            Assert.Equal(expected[epoch].Length, sampler.BatchesPerEpoch);
            Assert.Equal(expected[epoch], sampler.Batches(epoch));
            Assert.Equal(expected[epoch][1..], sampler.Batches(epoch, skip: 1));
        }
    }

    private static void Split(GoldenCase c)
    {
        c.RequireKnownParameters("kind", "seed", "n", "test_size", "train_size", "shuffle");
        bool shuffle = c.Parameters.GetProperty("shuffle").GetBoolean();
        (Dataset train, Dataset test) = Numbered((int)Long(c, "n")).Split(
            Optional(c, "test_size"), shuffle ? Long(c, "seed") : 0, Optional(c, "train_size"), shuffle);
        Assert.Equal(Ints(c.Expected, "train"), Numbers(train));
        Assert.Equal(Ints(c.Expected, "test"), Numbers(test));
    }

    private static void Words(GoldenCase c)
    {
        c.RequireKnownParameters("kind", "seed");
        long seed = Long(c, "seed");
        string[] Texts(string name) => c.Expected.GetProperty(name).Deserialize<string[]>()!;
        Assert.Equal(Texts("pcg64_state_words"), Pcg64.SeedWords((ulong)seed).Select(word => word.ToString()));
        var pcg = new Pcg64(seed);
        Assert.All(Texts("pcg64_uint64"), word => Assert.Equal(word, pcg.NextUInt64().ToString()));
        var twister = new MersenneTwister(seed);
        Assert.All(c.Expected.GetProperty("mt19937_uint32").Deserialize<uint[]>()!, word => Assert.Equal(word, twister.NextUInt32()));
        twister = new MersenneTwister(seed);
        Assert.All(Texts("torch_int64"), word => Assert.Equal(word, (twister.NextUInt64() & long.MaxValue).ToString()));
    }

    private static Dataset Numbered(int n) => Dataset.FromRows(Enumerable.Range(0, n).Select(i => new { row = i }));

    private static int[] Numbers(Dataset rows) => [.. rows.Select(row => row.Get<int>("row"))];

    private static long Long(GoldenCase c, string name) => c.Parameters.GetProperty(name).GetInt64();

    private static double? Optional(GoldenCase c, string name) => c.Parameters.GetProperty(name).Deserialize<double?>();

    private static int[] Ints(JsonElement parent, string name) => parent.GetProperty(name).Deserialize<int[]>()!;
}
