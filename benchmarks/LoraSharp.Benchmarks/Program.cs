using System.CommandLine;
using LoraSharp.Benchmarks.Adapters;
using LoraSharp.Benchmarks.Generation;
using LoraSharp.Benchmarks.Kernels;
using LoraSharp.Benchmarks.Tokenization;
using LoraSharp.Benchmarks.Training;

var root = new RootCommand("LoraSharp benchmarks.") { KernelCheck.Create(), KernelBenchmarks.Create(), StepBenchmark.Create(), LoadBenchmark.Create(), DecodeBenchmark.Create(), TokenizerBenchmark.Create(), AdapterBenchmark.Create() };
return root.Parse(args).Invoke();
