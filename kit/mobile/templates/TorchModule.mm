#import "TorchModule.h"
#import <Libtorch-Lite/Libtorch-Lite.h>

@implementation TorchModule {
  torch::jit::mobile::Module _module;
}

- (nullable instancetype)initWithPath:(NSString *)path {
  if ((self = [super init])) {
    try {
      at::globalContext().setQEngine(at::QEngine::QNNPACK);  // what the int8 file is packed for; fp32 ones ignore it
      _module = torch::jit::_load_for_mobile(path.UTF8String);
    } catch (const std::exception &error) {
      NSLog(@"%s", error.what());
      return nil;
    }
  }
  return self;
}

- (nullable NSArray<NSNumber *> *)forward:(void *)data shape:(NSArray<NSNumber *> *)shape bytes:(BOOL)bytes {
  try {
    c10::InferenceMode guard;
    std::vector<int64_t> sizes;
    for (NSNumber *size in shape) sizes.push_back(size.longLongValue);
    at::Tensor input = torch::from_blob(data, sizes, bytes ? at::kByte : at::kFloat);
    at::Tensor made = _module.forward({input}).toTensor().contiguous();
    NSMutableArray<NSNumber *> *probabilities = [NSMutableArray arrayWithCapacity:made.numel()];
    for (int64_t index = 0; index < made.numel(); index++) [probabilities addObject:@(made.data_ptr<float>()[index])];
    return probabilities;
  } catch (const std::exception &error) {
    NSLog(@"%s", error.what());
    return nil;
  }
}

@end
